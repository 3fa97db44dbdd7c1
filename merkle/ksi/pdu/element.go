package pdu

import (
	"math"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

func parseSecond(e *tlv.Element) (calendar.Second, error) {
	n, err := e.Uint()
	if err == nil && n > math.MaxInt64 {
		err = e.Errorf("time %d is beyond all calendars", n)
	}
	return calendar.Second(n), err
}
