package interop

import (
	"testing"

	"github.com/guardtime/goksi/publications"
	"github.com/guardtime/goksi/service"
)

// extender returns goksi's extender over a gateway of the server.
func (s *server) extender(t *testing.T, scheme, agency, key string, h *publications.FileHandler) *service.Extender {
	t.Helper()
	e, err := service.NewExtender(h, service.OptEndpoint(s.endpoint(scheme), agency, key))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *server) endpoint(scheme string) string {
	if scheme == "ksi+tcp" {
		return scheme + "://" + s.tcp
	}
	return scheme + "://" + s.http
}
