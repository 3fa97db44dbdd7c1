package plain

import "testing"

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"Kanton Zürich":     "Kanton Zürich",
		"a\nVALID":          `"a\nVALID"`,
		"a\u202eb":          `"a\u202eb"`,
		"a\x1b[2J":          `"a\x1b[2J"`,
		"\xff":              `"\xff"`,
		"a\x9b2J":           `"a\x9b2J"`,
		`a "quoted" \ word`: `a "quoted" \ word`,
		"canton\ufe0f":      `"canton\ufe0f"`,
		"can\u034fton":      `"can\u034fton"`,
		"Zürich\u3164":      `"Zürich\u3164"`,
		"Zürich ☎\ufe0f":    `"Zürich ☎\ufe0f"`,
		"“Zürich”\n\xff":    `"“Zürich”\n\xff"`,
		"canton\u2800":      `"canton\u2800"`,
		"e\u0301":           "e\u0301",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
