package fn

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// A Context says where a cast stands; each allows what those before it allow.
type Context byte

// The contexts of pg_cast.castcontext.
const (
	Implicit   Context = 'i' // in any expression
	Assignment Context = 'a' // to the type of a column
	Explicit   Context = 'e' // CAST(x AS t), x::t
)

func (c Context) allows(need Context) bool { return rank(c) >= rank(need) }

func rank(c Context) int {
	switch c {
	case Implicit:
		return 0
	case Assignment:
		return 1
	}
	return 2
}

type castEntry struct {
	context    Context
	volatility Volatility
	kernel     Kernel // nil: same representation
}

// A Cast converts values of one type to another. It knows nothing of modifiers, Fit aside: Modify applies them afterwards.
type Cast struct {
	From, To *value.Type
	// Binary marks types of the same representation: an executor may just relabel the vector.
	Binary     bool
	Volatility Volatility
	// Context is the weakest in which the cast applies.
	Context Context

	kernel Kernel
	fit    func(typmod int32) Kernel // nil for the kernel
}

// Fit returns c for a cast to the type with a modifier. Modify still follows, but cannot know which bits of an integer a bit string
// of that length has.
func (c *Cast) Fit(typmod int32) *Cast {
	if c.fit == nil || typmod < 0 {
		return c
	}
	fitted := *c
	fitted.kernel = c.fit(typmod)
	return &fitted
}

// Eval converts the rows of sel (nil: all n) of in; it resets out first. Null stays null.
func (c *Cast) Eval(env *Env, out, in *value.Vector, n int, sel []int32) error {
	out.Reset(c.To, n)
	if c.Binary {
		relabel(out, in, n)
		return nil
	}
	args := []*value.Vector{in}
	sel, empty := env.dropNulls(out, args, n, sel)
	if empty {
		return nil
	}
	saved := env.scratch // a kernel may evaluate other calls
	env.scratch = nil
	err := c.kernel(env, out, args, n, sel)
	env.scratch = saved
	return err
}

// relabel copies the first n values without conversion.
func relabel(out, in *value.Vector, n int) {
	switch out.Type.Kind {
	case value.Int64:
		copy(out.Ints, in.Ints[:n])
	case value.Float64:
		copy(out.Floats, in.Floats[:n])
	case value.Bytes:
		copy(out.Bytes, in.Bytes[:n])
	case value.Boxed:
		copy(out.Boxes, in.Boxes[:n])
	}
	if in.Nulls != nil {
		copy(out.ZeroNulls(), in.Nulls[:n])
	}
}

// FindCast returns the cast from one type to another if the context allows it. Of an unknown literal the engine makes
// the target's value with value.ParseText at planning time; of a vector of type unknown FindCast gives the same cast.
func (r *Registry) FindCast(from, to *value.Type, context Context) (*Cast, bool) {
	c := r.findCast(from, to)
	if c == nil || !context.allows(c.Context) {
		return nil, false
	}
	return c, true
}

func (r *Registry) findCast(from, to *value.Type) *Cast {
	c := &Cast{From: from, To: to, Context: Implicit, Volatility: Immutable}
	if from == to || to.OID == value.AnyOID {
		c.Binary = true
		return c
	}
	if e := r.casts[castKey{from.OID, to.OID}]; e != nil {
		c.Context, c.Volatility, c.kernel, c.Binary = e.context, e.volatility, e.kernel, e.kernel == nil
		if to == value.Bit && from != value.Varbit {
			c.fit = func(typmod int32) Kernel { return intToBits(int(typmod)) }
		}
		return c
	}
	if from == value.Unknown {
		c.Volatility, c.kernel = Stable, parseKernel(to)
		return c
	}
	if from.Fields != nil && to == value.RecordT {
		c.Binary = true
		return c
	}
	if vectorToArray(from, to) || to.OID == value.AnyArrayOID && from.IsArray() {
		c.Binary = true
		return c
	}
	if from.IsArray() && to.IsArray() && to.OID != value.Int2VectorOID && to.OID != value.OIDVectorOID {
		return r.arrayCast(c)
	}
	return textCast(c)
}

// vectorToArray: int2vector and oidvector are int2[] and oid[] by another name.
func vectorToArray(from, to *value.Type) bool {
	return from.OID == value.Int2VectorOID && to.OID == value.Int2.Array ||
		from.OID == value.OIDVectorOID && to.OID == value.Oid.Array
}

// arrayCast converts arrays element by element, in the context of the elements' cast.
func (r *Registry) arrayCast(c *Cast) *Cast {
	elem := r.findCast(value.MustType(c.From.Elem), value.MustType(c.To.Elem))
	if elem == nil {
		return nil
	}
	c.Context, c.Volatility, c.kernel = elem.Context, elem.Volatility, eachElement(elem, 0)
	if elem.fit != nil {
		c.fit = func(typmod int32) Kernel { return eachElement(elem.Fit(typmod), int(typmod)) }
	}
	return c
}

// eachElement converts the elements of arrays, each of which takes so many bytes besides the box.
func eachElement(elem *Cast, width int) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		for _, i := range all(n, sel) {
			a := args[0].Boxes[i].(*value.Array)
			if err := env.fits(a.Elems.Len() * width); err != nil {
				return err
			}
			elems := &value.Vector{}
			if err := elem.Eval(env, elems, a.Elems, a.Elems.Len(), nil); err != nil {
				return err
			}
			out.Boxes[i] = &value.Array{Dims: a.Dims, Lower: a.Lower, Elems: elems}
		}
		return nil
	}
}

// textCast is the cast by way of the text form: to strings on assignment, from strings when explicit.
func textCast(c *Cast) *Cast {
	if !sameTextAlways(c.To) || !sameTextAlways(c.From) {
		c.Volatility = Stable
	}
	switch {
	case c.To.Pseudo || c.From.Pseudo && c.From != value.RecordT && c.From != value.Void:
		return nil
	case c.To.IsString():
		c.Context, c.kernel = Assignment, formatKernel
	case c.From.IsString():
		c.Context, c.kernel = Explicit, parseKernel(c.To)
	default:
		return nil
	}
	return c
}

// sameTextAlways reports whether neither settings nor the catalog have a say in the text of a type's values.
func sameTextAlways(t *value.Type) bool {
	switch t {
	case value.Bool, value.Int2, value.Int4, value.Int8, value.NumericT, value.Float4, value.Float8, value.Bytea, value.UUID, value.JSON, value.JSONB, value.Bit, value.Varbit:
		return true
	}
	return t.IsString()
}

// parseKernel makes values of type t of their text.
func parseKernel(t *value.Type) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		for _, i := range all(n, sel) {
			d, err := value.ParseText(env.Settings, t, -1, args[0].Bytes[i])
			if err != nil {
				return err
			}
			out.Set(int(i), d)
		}
		return nil
	}
}

// formatKernel makes texts of values.
func formatKernel(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	var buf []byte
	for _, i := range all(n, sel) {
		buf = value.AppendText(buf[:0], env.Settings, args[0], int(i))
		out.SetBytes(int(i), buf)
	}
	return nil
}

// castCall is a call that casts: the name of a type, used like a function of one argument.
func (r *Registry) castCall(name string, args []*value.Type) *Call {
	to := value.ByName(name)
	if to == nil || len(args) != 1 || to.Name != name {
		return nil
	}
	c, ok := r.FindCast(args[0], to, Explicit)
	if !ok {
		return nil
	}
	call := &Call{Args: args, Ret: to, Func: &Function{
		Name: name, Args: []value.OID{args[0].OID}, Ret: to.OID, Strict: true, Volatility: c.Volatility,
	}}
	call.kernel = func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		return c.Eval(env, out, args[0], n, sel)
	}
	return call
}

// Modify returns the kernel, of one argument, that enforces a type modifier: it cuts or pads strings, rounds numbers and
// times. explicit casts cut a string that is too long, assignments refuse it (22001). It is nil if t and typmod need none.
func Modify(t *value.Type, typmod int32, explicit bool) Kernel {
	if !value.HasModifier(t, typmod) {
		return nil
	}
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		for _, i := range all(n, sel) {
			if args[0].IsNull(int(i)) {
				out.SetNull(int(i))
				continue
			}
			d, err := modify(env, args[0].Datum(int(i)), typmod, explicit)
			if err != nil {
				return err
			}
			out.Set(int(i), d)
		}
		return nil
	}
}

// modify is value.Modify with leave of the budget for the zeros that bit strings are filled up with.
func modify(env *Env, d value.Datum, typmod int32, explicit bool) (value.Datum, error) {
	made := 0
	switch a, _ := d.X.(*value.Array); {
	case d.Type == value.Bit && len(d.B) < int(typmod):
		made = int(typmod)
	case a != nil && a.Elems.Type == value.Bit:
		for i, bits := range a.Elems.Bytes {
			if !a.Elems.IsNull(i) && len(bits) < int(typmod) {
				made += int(typmod)
			}
		}
	}
	if err := env.fits(made); err != nil {
		return d, err
	}
	return value.Modify(d, typmod, explicit)
}
