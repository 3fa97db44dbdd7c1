package calendar

// Shape returns the directions of the chain from the leaf of second t to the root as of second p, leaf first: true is a left
// link, the chain's own node being the left operand. It panics unless 0 <= t <= p.
func Shape(t, p Second) []bool {
	path := path(t, p)
	left := make([]bool, len(path))
	for i, l := range path {
		left[i] = l.Left
	}
	return left
}
