package value

import (
	"strconv"
	"strings"
)

// parseReg reads the reg* types: a number, "-" for none, or the name of an object.
func parseReg(s *Settings, t *Type, text string) (int64, error) {
	if text == "-" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return int64(n), nil
	}
	if t == Regtype {
		u, err := ParseTypeName(text)
		if err != nil {
			return 0, err
		}
		return int64(u.OID), nil
	}
	if s.Names == nil {
		return 0, badText(t, []byte(text))
	}
	oid, err := s.Names.RegOID(t.OID, text)
	return int64(oid), err
}

// ParseTypeName finds a type by the text of a regtype: any spelling ByName knows, in any case, schema pg_catalog and a
// modifier allowed. The error is 42704.
func ParseTypeName(text string) (*Type, error) {
	name := strings.TrimPrefix(strings.TrimSpace(text), `"pg_catalog".`)
	if !strings.ContainsRune(name, '"') {
		name = strings.Join(strings.Fields(strings.ToLower(name)), " ")
	}
	name = strings.TrimPrefix(name, "pg_catalog.")
	if i := strings.IndexByte(name, '('); i >= 0 {
		if j := strings.IndexByte(name, ')'); j > i {
			name = strings.TrimSpace(name[:i]) + name[j+1:]
		}
	}
	if name == "char" {
		name = "bpchar" // unlike "char" in quotes
	}
	if t := ByName(name); t != nil {
		return t, nil
	}
	if t := parseRowTypeName(name); t != nil {
		return t, nil
	}
	if len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' {
		if t := byName[name[1:len(name)-1]]; t != nil && t.Name == name[1:len(name)-1] {
			return t, nil
		}
	}
	return nil, Errorf(CodeUndefinedObject, "type \"%s\" does not exist", text)
}

func regText(s *Settings, t *Type, oid OID) string {
	if oid == 0 {
		if t.Name == "regoper" || t.Name == "regoperator" {
			return "0" // for "-" is an operator
		}
		return "-"
	}
	if t == Regtype {
		if u := ByOID(oid); u != nil {
			return u.SQL
		}
	} else if s != nil && s.Names != nil {
		if name, ok := s.Names.RegName(t.OID, oid); ok {
			return name
		}
	}
	return strconv.FormatUint(uint64(oid), 10)
}
