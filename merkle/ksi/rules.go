package ksi

import (
	"errors"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
)

// internalRules are the rules of Internal. Those about the RFC 3161 record hold if there is none, those about the
// calendar chain likewise, and so on: a part that the format lets a signature do without is not missed here.
var internalRules = []rule{
	{"document algorithm", func(v *verification) *fault {
		return unless(v.Document == nil || v.Document.Algorithm() == v.inputImprint().Algorithm(), GEN04)
	}},
	{"document hash", func(v *verification) *fault {
		return unless(v.Document == nil || *v.Document == *v.inputImprint(), GEN01)
	}},
	{"input level", (*verification).checkInputLevel},
	{"document algorithm in use", func(v *verification) *fault {
		return unless(!deprecated(v.inputImprint().Algorithm(), v.Time()), INT13)
	}},
	{"RFC 3161 algorithms in use", func(v *verification) *fault {
		r := v.rfc3161
		return unless(r == nil ||
			!deprecated(r.tstInfo.algorithm, r.time) && !deprecated(r.signedAttributes.algorithm, r.time), INT14)
	}},
	{"RFC 3161 output algorithm in use", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || !deprecated(v.chains[0].input.Algorithm(), v.rfc3161.time), INT17)
	}},
	{"RFC 3161 chain index", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || slices.Equal(v.rfc3161.index, v.chains[0].index), INT12)
	}},
	{"RFC 3161 time", func(v *verification) *fault {
		return unless(v.rfc3161 == nil || v.rfc3161.time == v.Time(), INT02)
	}},
	{"RFC 3161 output", (*verification).checkRFC3161Output},
	{"metadata", (*verification).checkMetadata},
	{"aggregation algorithms in use", func(v *verification) *fault {
		return unless(!slices.ContainsFunc(v.chains, func(c aggregationChain) bool { return deprecated(c.algorithm, c.time) }),
			INT15)
	}},
	{"chain indices", (*verification).checkIndices},
	{"aggregation times", func(v *verification) *fault {
		return unless(!slices.ContainsFunc(v.chains, func(c aggregationChain) bool { return c.time != v.Time() }), INT02)
	}},
	{"aggregation chains", (*verification).checkChains},
	{"chain shapes", (*verification).checkShapes},
	{"calendar input", func(v *verification) *fault {
		return unless(v.calendar == nil || v.calendar.input == v.aggregationRoot, INT03)
	}},
	{"calendar time", func(v *verification) *fault {
		return unless(v.calendar == nil || v.calendar.aggregation == v.Time(), INT04)
	}},
	{"calendar shape", (*verification).checkCalendarShape},
	{"calendar algorithms in use", func(v *verification) *fault {
		return unless(v.calendar == nil || !v.calendar.leftLinks(obsolete), INT16)
	}},
	{"calendar root", (*verification).computeCalendarRoot},
	{"publication time", func(v *verification) *fault {
		return unless(v.publication == nil || v.publication.Time == v.calendar.publication, INT07)
	}},
	{"publication root", func(v *verification) *fault {
		return unless(v.publication == nil || v.publication.Root == v.calendarRoot, INT09)
	}},
	{"authentication time", func(v *verification) *fault {
		return unless(v.authentication == nil || v.authentication.Time == v.calendar.publication, INT06)
	}},
	{"authentication root", func(v *verification) *fault {
		return unless(v.authentication == nil || v.authentication.Root == v.calendarRoot, INT08)
	}},
}

func (v *verification) checkInputLevel() *fault {
	most := merkle.Level(v.chains[0].links[0].correction)
	if v.rfc3161 != nil {
		most = 0
	}
	return unless(v.InputLevel <= most, GEN03)
}

func (v *verification) checkRFC3161Output() *fault {
	if v.rfc3161 == nil {
		return nil
	}
	first := v.chains[0].input
	out, err := v.rfc3161.output(first.Algorithm())
	if err != nil {
		return uncomputed(err)
	}
	return unless(out == first, INT01)
}

func (v *verification) checkMetadata() *fault {
	for i := range v.chains {
		for j := range v.chains[i].links {
			if v.chains[i].links[j].meta.mistakable {
				return &fault{code: INT11}
			}
		}
	}
	return nil
}

func (v *verification) checkIndices() *fault {
	for i := 1; i < len(v.chains); i++ {
		below := v.chains[i-1].index
		if !slices.Equal(v.chains[i].index, below[:len(below)-1]) {
			return &fault{code: INT12}
		}
	}
	return nil
}

func (v *verification) checkChains() *fault {
	out, level := v.chains[0].input, 0
	for i := range v.chains {
		c := &v.chains[i]
		if c.input != out {
			return &fault{code: INT01}
		}
		var err error
		if out, level, err = c.root(level); err != nil {
			return uncomputed(err)
		}
	}
	v.aggregationRoot = out
	return nil
}

func (v *verification) checkShapes() *fault {
	for i := range v.chains {
		c := &v.chains[i]
		if shape, ok := c.shape(); !ok || shape != c.index[len(c.index)-1] {
			return &fault{code: INT10}
		}
	}
	return nil
}

func (v *verification) checkCalendarShape() *fault {
	if v.calendar == nil {
		return nil
	}
	t, err := v.calendar.timeOfShape()
	return unless(err == nil && t == v.calendar.aggregation, INT05)
}

func (v *verification) computeCalendarRoot() *fault {
	if v.calendar == nil {
		return nil
	}
	root, err := v.calendar.root()
	if err != nil {
		return uncomputed(err)
	}
	v.calendarRoot = root
	return nil
}

// uncomputed turns the error of a computation into the fault it is: inconclusive.
func uncomputed(err error) *fault {
	if a, ok := errors.AsType[cannotCompute](err); ok {
		return missing("it uses the hash algorithm %s, which this program cannot compute", merkle.Algorithm(a))
	}
	panic("ksi: " + err.Error())
}
