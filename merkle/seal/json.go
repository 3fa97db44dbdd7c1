package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
)

// FieldsFromJSON makes fields of a JSON object. A number with a fraction or an exponent, or beyond 64 bits, is an error, because
// its digits would not survive all programs; so is a name that stands twice.
func FieldsFromJSON(data []byte) ([]Field, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: the JSON is not UTF-8", ErrContent)
	}
	j := jsonReader{d: json.NewDecoder(bytes.NewReader(data))}
	j.d.UseNumber()
	v, err := j.value("", cbor.MaxDepth-1)
	if err == nil && v.Kind != cbor.Map {
		err = fmt.Errorf("want an object such as {\"name\": \"Marie Dupont\"}, not: %s", v.Kind)
	}
	if err == nil && len(v.Pairs) == 0 {
		err = errors.New("the object has no fields")
	}
	if err == nil {
		if _, e := j.d.Token(); e != io.EOF {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	return v.Pairs, nil
}

type jsonReader struct{ d *json.Decoder }

// value reads the next value; path says where it stands.
func (j *jsonReader) value(path string, depth int) (Value, error) {
	token, err := j.d.Token()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Value{}, fmt.Errorf("%sJSON: %w", place(path), err)
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == 0 {
			return Value{}, fmt.Errorf("%snested deeper than %d", place(path), cbor.MaxDepth-1)
		}
		if t == '[' {
			return j.array(path, depth)
		}
		return j.object(path, depth)
	case string:
		return text(path, t)
	case json.Number:
		return number(path, t.String())
	case bool:
		if t {
			return Value{Kind: cbor.True}, nil
		}
		return Value{Kind: cbor.False}, nil
	}
	return Value{}, nil // null
}

func place(path string) string {
	if path == "" {
		return ""
	}
	return fmt.Sprintf("field %q: ", path)
}

// text refuses what stands for characters that were lost: half a surrogate pair becomes one on reading.
func text(path, s string) (Value, error) {
	if strings.ContainsRune(s, utf8.RuneError) {
		return Value{}, fmt.Errorf("%sa character is broken", place(path))
	}
	return cbor.String(s), nil
}

func number(path, s string) (Value, error) {
	if strings.ContainsAny(s, ".eE") {
		return Value{}, fmt.Errorf("%s%s has a fraction or an exponent: write it as text, \"%s\"", place(path), s, s)
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("%s%s does not fit 64 bits: write it as text, \"%s\"", place(path), s, s)
	}
	return cbor.Number(i), nil
}

func (j *jsonReader) array(path string, depth int) (Value, error) {
	v := Value{Kind: cbor.Array}
	for j.d.More() {
		item, err := j.value(fmt.Sprintf("%s[%d]", path, len(v.Items)), depth-1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := j.d.Token()
	return v, err
}

func (j *jsonReader) object(path string, depth int) (Value, error) {
	v := Value{Kind: cbor.Map}
	for j.d.More() {
		token, err := j.d.Token()
		if err != nil {
			return Value{}, fmt.Errorf("%sJSON: %w", place(path), err)
		}
		name := token.(string) // the decoder gives no other keys
		if _, err := text(name, name); err != nil {
			return Value{}, err
		}
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		item, err := j.value(inner, depth-1)
		if err != nil {
			return Value{}, err
		}
		v.Pairs = append(v.Pairs, Field{Key: name, Value: item})
	}
	if _, err := j.d.Token(); err != nil {
		return Value{}, fmt.Errorf("%sJSON: %w", place(path), err)
	}
	if name, twice := cbor.SortPairs(v.Pairs); twice {
		return Value{}, fmt.Errorf("%sthe name %q stands twice", place(path), name)
	}
	return v, nil
}

// FieldsJSON returns fields as a JSON object, in their order: FieldsFromJSON makes the same fields of it.
func FieldsJSON(fields []Field) []byte {
	return appendJSON(nil, &Value{Kind: cbor.Map, Pairs: fields})
}

func appendJSON(dst []byte, v *Value) []byte {
	switch v.Kind {
	case cbor.False:
		return append(dst, "false"...)
	case cbor.True:
		return append(dst, "true"...)
	case cbor.Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case cbor.Text:
		return appendJSONText(dst, v.Text)
	case cbor.Array:
		dst = append(dst, '[')
		for i := range v.Items {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendJSON(dst, &v.Items[i])
		}
		return append(dst, ']')
	case cbor.Map:
		dst = append(dst, '{')
		for i := range v.Pairs {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendJSONText(dst, v.Pairs[i].Key), ": "...)
			dst = appendJSON(dst, &v.Pairs[i].Value)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

func appendJSONText(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("seal: " + err.Error()) // text can be encoded
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// Plain returns a value for people: text as it is, all else, and text that is empty, as JSON.
func Plain(v *Value) string {
	if v.Text != "" {
		return v.Text
	}
	return string(appendJSON(nil, v))
}
