package query

// QueryMemoryUsed returns how much of the memory for queries is granted.
func (e *Engine) QueryMemoryUsed() int64 {
	e.queries.mu.Lock()
	defer e.queries.mu.Unlock()
	return e.queries.used
}
