package merkle

// A Level is the height of a node in KSI's sense: leaves stand at their lane's base level, a node at one more than the
// higher of its children, the issuer node of a slot at SlotLevel. Levels reach at most 255.
type Level uint8

// SlotLevel is the level of every slot node, whatever the height of the subtree below it.
const SlotLevel Level = 64
