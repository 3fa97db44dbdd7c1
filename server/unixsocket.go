package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// SocketPath returns where clients look for the Unix socket of the port in a directory.
func SocketPath(dir string, port int) string {
	return filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port))
}

// maxSocketPath is how long the path of a Unix socket can be, in bytes.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// ListenUnix listens in a directory, for the port that clients name it by. A socket that nobody listens on any more, as after a crash,
// is replaced. Everybody may connect who may enter the directory: the login rules decide.
func ListenUnix(dir string, port int) (net.Listener, error) {
	path := SocketPath(dir, port)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s has %d bytes, and the path of a socket can have %d: choose a shorter directory", path, len(path), maxSocketPath)
	}
	ln, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		ln, err = net.Listen("unix", path)
	}
	if err == nil {
		if err = admitAll(path); err == nil {
			return ln, nil
		}
		ln.Close()
	}
	return nil, fmt.Errorf("%w: %s", err, adviceOnSocket(err))
}

// admitAll lets every account connect to a socket. It follows no symbolic link out of the directory, which somebody else who may write there
// could have put in the socket's place.
func admitAll(path string) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Chmod(filepath.Base(path), 0o777)
}

// adviceOnSocket says what to do about a socket that cannot be listened on.
func adviceOnSocket(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "another server has the port in this directory, or something else has its place: choose another port or directory"
	}
	return "want a directory that is there already and that this account may write to, such as /run/jurat"
}

// abandoned reports whether a path is that of a socket that nobody has open. It asks with another type of socket, which is told so and never
// served: of a socket that systemd holds, a client would start the server.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
