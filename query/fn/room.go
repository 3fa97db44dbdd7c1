package fn

import "github.com/jurat-ledger/jurat/query/value"

// fits returns the error for a string of n bytes that a kernel is about to make: 54000 if it is longer than MaxOutput, 53200 if the
// statement may not have so much memory.
func (e *Env) fits(n int) error {
	if n > MaxOutput {
		return errTooLong()
	}
	return e.Settings.Take(n)
}

// fitsList is fits for an array of n elements of a type, whose texts and numbers are there already; 54000 for more than maxElements.
func (e *Env) fitsList(n int, t *value.Type) error {
	if n > maxElements {
		return errTooManyElements()
	}
	size := 24 // as memory of others, or a box
	if t.Kind == value.Int64 || t.Kind == value.Float64 {
		size = 8
	}
	return e.Settings.Take(n * size)
}

// arrayBytes is about what a short array takes.
const arrayBytes = 256

// A room is the memory that was asked for a string which a kernel makes step by step, in bytes.
type room int

// firstRoom is the length up to which a string does not ask.
const firstRoom = 128 << 10

// reach is fits for the length that the string has reached.
func (r *room) reach(env *Env, n int) error {
	if n > MaxOutput {
		return errTooLong()
	}
	return r.take(env, n)
}

// take is reach for what is no string: MaxOutput does not bound it.
func (r *room) take(env *Env, n int) error {
	if n <= max(firstRoom, int(*r)) {
		return nil
	}
	want := room(n + n/2)
	more := want - *r
	*r = want
	return env.Settings.Take(int(more))
}
