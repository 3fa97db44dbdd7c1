package gateway

import (
	"fmt"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// A quota counts requests that were authentic, by login. There are as many accounts as agencies that ever asked.
type quota struct {
	perPeriod, share, total int

	mu       sync.Mutex // covers what follows
	accounts map[string]*account
	running  int
}

type account struct {
	period  int64 // the one that used counts in, since 1970
	used    int
	running int
}

// enter gives a request of the login its place among those that run, until leave; or says why not.
func (q *quota) enter(login string, s pdu.Service, now time.Time) *Error {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.accounts[login]
	if a == nil {
		a = &account{}
		q.accounts[login] = a
	}
	if p := now.UnixNano() / int64(period); p != a.period {
		a.period, a.used = p, 0
	}
	switch {
	case a.used >= q.perPeriod:
		return refusal(s, pdu.OverQuota, fmt.Sprintf("more than %d requests in %s", q.perPeriod, period))
	case a.running >= q.share:
		return refusal(s, pdu.TooManyRequests, fmt.Sprintf("%d requests of this login wait for their answers", a.running))
	case q.running >= q.total:
		return refusal(s, pdu.TooManyRequests, "the server has too much to do; ask again later")
	}
	a.used++
	a.running++
	q.running++
	return nil
}

// refusal is an Error with a status of aggregators. Extenders have none that would say it.
func refusal(s pdu.Service, status pdu.Status, message string) *Error {
	if s == pdu.Extender {
		status = pdu.InternalError
	}
	return &Error{status, message}
}

func (q *quota) leave(login string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.accounts[login].running--
	q.running--
}
