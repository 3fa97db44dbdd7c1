package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// posts brings requests by HTTP, a POST each.
type posts struct {
	url    string
	http   *http.Client
	decode func([]byte) (*pdu.Response, error)
}

func (p *posts) ask(ctx context.Context, q *pdu.Request, data []byte) (*pdu.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/ksi-request")
	request.Header.Set("User-Agent", userAgent)
	response, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := readAtMost(response.Body, pdu.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.url, err)
	}
	// Servers send failures as PDUs too, under HTTP's own error codes.
	r, err := p.decode(body)
	switch {
	case errors.Is(err, pdu.ErrNotPDU):
		return nil, fmt.Errorf("%s answered %s and no KSI response", p.url, response.Status)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", p.url, err)
	case r.Service != q.Service:
		return nil, fmt.Errorf("%s: an %s answered, the %s was asked", p.url, r.Service, q.Service)
	}
	return r, nil
}

func (*posts) close() {}
