// Package calendar is the tree over all rounds: one leaf per second since 1970-01-01T00:00:00Z, which is the round root of
// that second. It gives chains from a second to the calendar root as of any later second. It reads no clock.
//
// # Format
//
// The calendar is a KSI calendar hash tree. These rules are permanent.
//
//	leaf          round root; the zero imprint for a second without leaves and for all seconds before the ledger's first
//	node          SHA-256(imprint(left) || imprint(right) || 0xff)
//	shape         as of second p there are p+1 leaves; n leaves split at the largest power of two below n
//
// A perfect subtree over idle seconds is one of 64 constants, ZeroNode: a calendar that starts today costs nothing for the
// 56 years before it.
//
// A chain from second t to the root as of second p has left links, whose siblings lie in the future of t, and right
// links, whose siblings lie in its past. The right ones are the same for each p: extending a signature to a later p
// replaces the left ones only. With p = t there are only right links, one for every bit set in t. The directions
// determine t given p (AggregationTime): a chain cannot lie about the second it starts at.
//
// # Stored nodes
//
// Stored are the leaves that are not idle and the nodes of heights 8, 16 and 24 that are not over idle seconds alone.
// A Frontier makes these nodes while the calendar grows. Prove, RootAt and Resume read them through a Reader, to which
// everything that is absent reads as the zero node of its height.
package calendar
