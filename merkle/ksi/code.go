package ksi

// A Code is the error code that the KSI tools give for a verdict, "INT-03". The empty Code stands for no error.
type Code string

// The codes.
const (
	GEN01 Code = "GEN-01"
	GEN02 Code = "GEN-02"
	GEN03 Code = "GEN-03"
	GEN04 Code = "GEN-04"
	INT01 Code = "INT-01"
	INT02 Code = "INT-02"
	INT03 Code = "INT-03"
	INT04 Code = "INT-04"
	INT05 Code = "INT-05"
	INT06 Code = "INT-06"
	INT07 Code = "INT-07"
	INT08 Code = "INT-08"
	INT09 Code = "INT-09"
	INT10 Code = "INT-10"
	INT11 Code = "INT-11"
	INT12 Code = "INT-12"
	INT13 Code = "INT-13"
	INT14 Code = "INT-14"
	INT15 Code = "INT-15"
	INT16 Code = "INT-16"
	INT17 Code = "INT-17"
	KEY02 Code = "KEY-02"
	KEY03 Code = "KEY-03"
	PUB01 Code = "PUB-01"
	PUB02 Code = "PUB-02"
	PUB03 Code = "PUB-03"
	PUB04 Code = "PUB-04"
	PUB05 Code = "PUB-05"
	CAL01 Code = "CAL-01"
	CAL02 Code = "CAL-02"
	CAL03 Code = "CAL-03"
	CAL04 Code = "CAL-04"
)

var sentences = map[Code]string{
	GEN01: "This is not the document the proof was made for, or the document was changed since.",
	GEN02: "The proof could not be checked with what was given.",
	GEN03: "The proof was made for another level of a hash tree than the one given.",
	GEN04: "The document was hashed with another algorithm than the one the proof was made with.",
	INT01: "The proof is broken: one part of its path does not lead to the next.",
	INT02: "The proof is broken: its parts give different filing times.",
	INT03: "The proof is broken: the path from the document does not reach the calendar.",
	INT04: "The proof is broken: the calendar part gives another filing time than the rest.",
	INT05: "The proof is broken: the place in the calendar is not that of the filing time it gives.",
	INT06: "The proof is broken: the calendar key signed for another time.",
	INT07: "The proof is broken: the publication it names is of another time.",
	INT08: "The proof is broken: the calendar key signed another calendar.",
	INT09: "The proof is broken: the publication it names is of another calendar.",
	INT10: "The proof is broken: its path does not have the shape it claims.",
	INT11: "The proof cannot be trusted: an identity in it could be mistaken for a hash.",
	INT12: "The proof is broken: its parts do not continue one another.",
	INT13: "The proof cannot be trusted: the document was hashed with an algorithm no longer safe at that time.",
	INT14: "The proof cannot be trusted: the time stamp inside it uses a hash algorithm no longer safe at that time.",
	INT15: "The proof cannot be trusted: its path uses a hash algorithm no longer safe at that time.",
	INT16: "The proof cannot be trusted: its calendar part uses a hash algorithm no longer safe at that time.",
	INT17: "The proof cannot be trusted: the time stamp inside it was passed on with a hash algorithm no longer safe at that time.",
	KEY02: "The signature of the calendar key is not genuine, or of a kind that no calendar key makes.",
	KEY03: "The certificate of the calendar key was not valid when the document was filed.",
	PUB01: "The calendar that the extender showed is not the one that was published.",
	PUB02: "The extender showed the calendar for other times than those of the proof and the publication.",
	PUB03: "The published calendar holds something else at the time the proof gives.",
	PUB04: "The proof leads to another calendar than the publication given.",
	PUB05: "The proof leads to another calendar than the publication in the publications file.",
	CAL01: "The proof leads to another calendar than the one the extender showed.",
	CAL02: "The calendar holds something else at the time the proof gives.",
	CAL03: "The extender showed the calendar for another time than the proof gives.",
	CAL04: "The calendar before the filing time is another in the proof than in the calendar the extender showed.",
}

// Sentence says in plain English what the code means, the empty string for a Code that is none.
func (c Code) Sentence() string { return sentences[c] }
