package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/auth"
	"github.com/jurat-ledger/jurat/server/hba"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/wire"
)

// HBAFile is the file of login rules in the data directory.
const HBAFile = "hba.conf"

// An access decides on logins: it implements query.Access.
type access struct {
	store       *storage.Store
	config      *Config
	certificate *certificate
	log         *slog.Logger
	now         func() time.Time

	rules atomic.Pointer[hba.Rules] // of the file; nil without one
}

// open reads the rules for the first time.
func (a *access) open() error {
	rules, err := LoginRules(a.config)
	if err != nil {
		return fmt.Errorf("login rules: %w", err)
	}
	a.use(rules)
	return nil
}

// LoginRules reads the login rules that c names, as a start does; nil if it names no file and none is in the data directory, where
// hba.Default stands for them.
func LoginRules(c *Config) (*hba.Rules, error) {
	text, err := os.ReadFile(c.hbaPath())
	if errors.Is(err, fs.ErrNotExist) && c.HBA == "" {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	rules, err := hba.Parse(c.hbaPath(), string(text))
	if err != nil || c.Database == query.MaintenanceDatabase {
		return rules, err
	}
	for _, r := range rules.List() {
		if slices.Contains(r.Databases, query.MaintenanceDatabase) { // it would fit nobody, and may be one that was to refuse somebody
			return nil, fmt.Errorf("%s:%d: database %s: logins to it go by the name of the ledger's, %s", c.hbaPath(), r.Line, query.MaintenanceDatabase, c.Database)
		}
	}
	return rules, nil
}

// use puts rules in force, and warns of those by which nobody can log in.
func (a *access) use(rules *hba.Rules) {
	a.rules.Store(rules)
	if rules == nil {
		return
	}
	for _, r := range rules.List() {
		advice := ""
		switch {
		case r.Type == "local" && !a.config.hasSocket():
			advice = "it is for a Unix socket, which this server does not have; give --socket-directory"
		case a.certificate == nil && r.Type == "hostssl":
			advice = "it is for TLS, which this server does not have; give --tls-cert and --tls-key"
		case a.certificate != nil && a.config.TLSClientCA == "" && (r.Method == hba.Cert || r.VerifyFull):
			advice = "it wants certificates of clients, which this server takes from nobody; give --tls-client-ca"
		default:
			continue
		}
		a.log.Warn("a login rule lets nobody in: "+advice, "hba", a.config.hbaPath(), "line", r.Line)
	}
}

// Rules of logins in force.
func (a *access) inForce() *hba.Rules {
	if r := a.rules.Load(); r != nil {
		return r
	}
	return hba.Default(a.passwords())
}

// passwords reports whether any role has a password.
func (a *access) passwords() bool {
	return a.store.AnyRole(func(r *storage.Role) bool { return r.Verifier != "" && !r.Dropped })
}

// Verifier implements query.Access.
func (a *access) Verifier(password string) (string, error) {
	verifier, err := auth.Verifier(password)
	if errors.Is(err, auth.ErrVerifier) {
		return "", &query.Error{Code: "22023", Message: err.Error()}
	}
	return verifier, err
}

// errRulesGone says that the rules in force have no file any more. Without one other rules hold, which may let in more.
var errRulesGone = errors.New("the file of the login rules that are in force is gone; put it back, or start the server anew without one")

// Reload implements query.Access.
func (a *access) Reload() error {
	rules, err := LoginRules(a.config)
	if err == nil && rules == nil && !a.Defaults() {
		err = fmt.Errorf("%s: %w", a.config.hbaPath(), errRulesGone)
	}
	if a.certificate != nil {
		read, certErr := a.certificate.read()
		if err = errors.Join(err, certErr); err == nil {
			a.certificate.use(read)
		}
	}
	if err != nil {
		a.log.Error("configuration not reloaded: what was in force stays so", "error", err)
		return err
	}
	a.use(rules)
	a.log.Info("configuration reloaded", "hba", a.config.hbaPath(), "default_rules", a.Defaults())
	return nil
}

// Rules implements query.Access.
func (a *access) Rules() (list []query.LoginRule) {
	for _, r := range a.inForce().List() {
		l := query.LoginRule{Line: r.Line, Type: r.Type, Databases: r.Databases, Users: r.Users, Address: r.Address, Mask: r.Mask, Method: string(r.Method)}
		if r.VerifyFull {
			l.Options = []string{"clientcert=verify-full"}
		}
		list = append(list, l)
	}
	return list
}

// Defaults implements query.Access.
func (a *access) Defaults() bool { return a.rules.Load() == nil }

// role is what a login has to know of a role.
func (a *access) role(name string) auth.Role {
	r, ok := a.store.Role(name)
	if !ok {
		return auth.Role{}
	}
	r.NoLogin = false // who knows the password is told that the role does not log in
	role := auth.Role{Verifier: r.Verifier, Valid: r.MayLogIn(a.now())}
	if r.Kind != storage.Superuser {
		role.Group = query.RoleKind(r.Kind).String()
	}
	return role
}

// authenticator makes what lets clients in. secret is the server's own; database returns the database that a name stands for.
func (a *access) authenticator(secret []byte, database func(string) string, failed func(*wire.Startup, string)) *auth.Authenticator {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("jurat login"))
	return auth.New(auth.Config{Role: a.role, Database: database, Rules: a.inForce, Secret: h.Sum(nil), Now: time.Now, Failed: failed})
}

// checkNetwork refuses to listen where the network would be let in without TLS or without asking who it is.
func (a *access) checkNetwork(listen string) error {
	if loopback(listen) {
		return nil
	}
	var missing []string
	if a.certificate == nil {
		missing = append(missing, "a TLS certificate: give --tls-cert and --tls-key (jurat make-certificate makes a pair)")
	}
	without := a.rules.Load() != nil && slices.ContainsFunc(a.rules.Load().List(), func(r hba.Rule) bool {
		return r.Method == hba.Cert && a.certificate != nil && a.certificate.files[2] != "" || r.Method == hba.Peer && a.config.hasSocket()
	})
	if !without && !slices.ContainsFunc(a.store.Roles(), func(r storage.Role) bool {
		return r.Kind == storage.Superuser && r.Verifier != "" && r.MayLogIn(a.now())
	}) {
		missing = append(missing, "a superuser with a password: on the first start give --password-file; later start on 127.0.0.1 and run jurat role password NAME")
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("--listen %s can be reached from other machines, so the server needs %s", listen, strings.Join(missing, "; and "))
}

// firstPassword reads the password of the first superuser.
func firstPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" || strings.ContainsAny(password, "\r\n\x00") {
		return "", fmt.Errorf("--password-file %s: want one line, the password", path)
	}
	return auth.Verifier(password)
}

// hasSocket reports whether there is a Unix socket.
func (c *Config) hasSocket() bool {
	return c.SocketDirectory != "" || c.Listeners[ListenerSocket] != nil
}

// hbaPath is where the login rules are.
func (c *Config) hbaPath() string {
	if c.HBA != "" {
		return c.HBA
	}
	return filepath.Join(c.DataDir, HBAFile)
}
