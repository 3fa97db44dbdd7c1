package transfer

// Encode returns what is hashed for a leaf.
func Encode(c *Content) []byte { return c.encode() }
