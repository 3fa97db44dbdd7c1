//go:build js && wasm

// Command verifier is package check for the verification page, compiled to WebAssembly by "make page". It sets the global
// juratCheck to a function that takes the name of an operation and its argument, text or Uint8Array, and returns JSON text:
// {"value": …} or {"error": "…"}. It never ends.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"

	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/page/check"
)

func main() {
	c := check.New(time.Now)
	js.Global().Set("juratCheck", js.FuncOf(func(_ js.Value, args []js.Value) any {
		value, err := operate(c, args[0].String(), argument(args[1]))
		answer := map[string]any{"value": value}
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err) // reports hold nothing that JSON cannot say
		}
		return string(text)
	}))
	select {}
}

// argument returns the bytes of text or of an Uint8Array.
func argument(v js.Value) []byte {
	if v.Type() == js.TypeString {
		return []byte(v.String())
	}
	data := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(data, v)
	return data
}

func operate(c *check.Checker, name string, data []byte) (any, error) {
	switch name {
	case "trust":
		var t check.Trust
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, err
		}
		err := c.SetTrust(t)
		return c.Trusted(), err
	case "publications":
		err := c.SetPublications(data)
		return c.Trusted(), err
	case "certificates":
		err := c.AddCertificates(data)
		return c.Trusted(), err
	case "landmarks":
		err := c.SetLandmarks(data)
		return c.Trusted(), err
	case "status":
		err := c.AddStatus(data)
		return c.Trusted(), err
	case "reference":
		return c.Reference(string(data)), nil
	case "seal":
		return c.Seal(context.Background(), string(data))
	case "publication":
		return c.SetPublication(string(data))
	case "kind":
		return check.Kind(data), nil
	case "attached":
		return string(receipt.Attached(data)), nil
	case "open":
		return c.Open(data), nil
	case "write":
		c.Write(data)
		return nil, nil
	case "finish":
		return c.Finish(context.Background()), nil
	case "alone":
		return c.Alone(context.Background()), nil
	}
	return nil, fmt.Errorf("unknown operation %q", name)
}
