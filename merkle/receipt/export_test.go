package receipt

// Encode returns what is hashed for a leaf.
func Encode(a *Answer) []byte { return a.encode() }
