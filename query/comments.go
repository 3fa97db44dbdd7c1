package query

// tableComments says in the system catalog what the tables hold.
var tableComments = map[string]string{
	"hashes":                "Filed hashes: INSERT files one, and an agency sees its own.",
	"proofs":                "Filed hashes with their KSI signatures. Reading the signature of an open round waits until it closes.",
	"duplicates":            "Digests that an agency filed more than once, in one lane or in several.",
	"late_filings":          "Filings whose round is not the second in which the ledger accepted them: the clock was stepped, or the lane was new.",
	"rounds":                "Closed seconds in which something was filed.",
	"calendar":              "Every closed second since the ledger began, idle ones too.",
	"agencies":              "Lanes of the agencies.",
	"calendar_certificates": "Certificates of the keys that sign the calendar.",
	"publications":          "Calendar roots that were published.",
	"landmarks":             "Roots of the calendar over closed blocks of 256 seconds, to which printed seals lead.",
	"roles":                 "Roles that may log in.",
	"journal":               "Who did what to the server: logins, roles, configuration. An agency sees what concerns it.",
	"jurat_index_status":    "How far the index of digests is.",
}

// columnComments says what the columns of these names hold.
var columnComments = map[string]string{
	"digest":     "the hash that was filed",
	"algorithm":  "hash algorithm of the digest",
	"agency":     "role that filed it",
	"lane":       "main, seal, status or ksi",
	"round":      "second in which it was filed; rounds close at their end",
	"slot_index": "number within the round and lane",
	"receipt":    "names the filing: round, agency, lane and number",
	"filed_at":   "when the ledger accepted it",
	"signature":  "KSI signature, serialized",
	"proof":      "the signature in readable form",
	"second":     "the round as seconds since 1970",
	"root":       "root of the hash tree",
	"block":      "number of the 256 seconds: the first of them since 1970, divided by 256",
}
