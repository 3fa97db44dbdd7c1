package fn

func stringFunctions() []*Function  { return nil }
func byteaFunctions() []*Function   { return nil }
func mathFunctions() []*Function    { return nil }
func dateFunctions() []*Function    { return nil }
func jsonFunctions() []*Function    { return nil }
func arrayFunctions() []*Function   { return nil }
func seriesFunctions() []*Function  { return nil }
func sessionFunctions() []*Function { return nil }
func aggregates() []*Function       { return nil }
func mathOperators() []*Function    { return nil }
func stringOperators() []*Function  { return nil }
func dateOperators() []*Function    { return nil }
func jsonOperators() []*Function    { return nil }
func arrayOperators() []*Function   { return nil }
