package main

import (
	"io"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

// A chainReport is the outcome of verify-bundle of a document's bundle as --json prints it.
type chainReport struct {
	Verdict  string       `json:"verdict"`
	Sentence string       `json:"sentence"`
	File     string       `json:"file"`
	Policy   string       `json:"policy,omitempty"`
	Steps    []chainStep  `json:"steps"` // the issuer's filing, then the transfers, each after the one that it follows on
	Faults   []chainFault `json:"faults"`
	// Who has the document; believe it only if Verdict is OK. Empty for a holder who is not named, and for nobody but the issuer.
	Holder string `json:"holder,omitempty"`
	// The vault that keeps it.
	Server string `json:"server,omitempty"`
	Agency string `json:"agency,omitempty"`
}

// A chainStep is a filing of the chain: what its proof says, and only as far as Verdict is OK.
type chainStep struct {
	Verdict  string     `json:"verdict"`
	Code     string     `json:"code,omitempty"`
	Sentence string     `json:"sentence"`
	Time     *time.Time `json:"time,omitempty"`
	Server   string     `json:"server,omitempty"` // who filed
	Agency   string     `json:"agency,omitempty"`
	Receipt  string     `json:"receipt,omitempty"`
	// Of a transfer.
	From *chainHolder `json:"from,omitempty"`
	To   *chainHolder `json:"to,omitempty"`
	Kept *chainVault  `json:"kept_by,omitempty"` // vault that has the document from then on
}

type chainHolder struct {
	Name   string `json:"name,omitempty"` // empty for one whose name is left out
	Digest string `json:"digest"`
}

type chainVault struct {
	Server string `json:"server"`
	Agency string `json:"agency"`
}

type chainFault struct {
	Kind     string `json:"kind"`
	Sentence string `json:"sentence"`
}

func newChainReport(path string, found *transfer.Report, basis *verifyBasis) *chainReport {
	r := &chainReport{File: path, Policy: basis.options.Policy.String(), Server: found.Vault.Server, Agency: found.Vault.Agency,
		Sentence: map[ksi.Verdict]string{ksi.OK: "the chain is unbroken", ksi.FAIL: "the chain from the issuer to the holder is broken",
			ksi.NA: "the chain is unbroken, but something is missing to believe its times" + basis.leftOut}[found.Verdict]}
	for i := range found.Steps {
		s := &found.Steps[i]
		step := chainStep{Verdict: s.Result.Verdict.String(), Code: string(s.Result.Code), Sentence: s.Result.Sentence}
		if f := &s.Filing; f.Server != "" {
			step.Time, step.Server, step.Agency, step.Receipt = moment(f.Round), f.Server, f.Agency, f.Name.String()
		}
		if t := s.Transfer; t != nil {
			step.From, step.To, step.Kept = newChainHolder(&t.From), newChainHolder(&t.To), &chainVault{t.Vault.Server, t.Vault.Agency}
		}
		r.Steps = append(r.Steps, step)
	}
	for _, f := range found.Faults {
		r.Faults = append(r.Faults, chainFault{string(f.Kind), f.Sentence})
	}
	if found.Holder != nil {
		r.Holder = found.Holder.Name
	}
	return r
}

func newChainHolder(h *transfer.Holder) *chainHolder {
	d := h.Digest()
	return &chainHolder{h.Name, d.String()}
}

// chainJSON prints the outcome as JSON; the error is the exit status of the verdict.
func chainJSON(out io.Writer, r *chainReport, verdict ksi.Verdict) error {
	r.Verdict = verdict.String()
	if r.Steps == nil {
		r.Steps = []chainStep{}
	}
	if r.Faults == nil {
		r.Faults = []chainFault{}
	}
	if err := printJSON(out, r); err != nil {
		return err
	}
	return verdictStatus(verdict)
}
