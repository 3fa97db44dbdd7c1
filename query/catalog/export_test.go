package catalog

// Signatures returns the functions of this package as "name(type,type)", in the names of pg_type.
func Signatures() (list []string) {
	for _, f := range declarations() {
		list = append(list, signature(unqualified(f.Name), f.Args))
	}
	return list
}
