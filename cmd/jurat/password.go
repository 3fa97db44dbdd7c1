package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/jurat-ledger/jurat/server/auth"
)

// newPassword returns the verifier of a role's new password, from a file, "-" being standard input, or typed in twice.
func newPassword(file, role string) (string, error) {
	password, err := readPassword(file, role)
	if err != nil {
		return "", err
	}
	if password == "" || strings.ContainsAny(password, "\x00\r\n") {
		return "", errors.New("a password is one line, and not empty")
	}
	return auth.NewVerifier(password)
}

func readPassword(file, role string) (string, error) {
	switch file {
	case "":
		return askTwice(role)
	case "-":
		return firstLine(os.Stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return firstLine(f)
}

// firstLine reads a line.
func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 1<<12)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askTwice has a password typed in, without showing it.
func askTwice(role string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("there is no terminal to ask for the password: give --password-file FILE, or - for standard input, or --no-password if the role needs none")
	}
	var typed [2]string
	for i, prompt := range []string{"Password for " + role + ": ", "Again: "} {
		fmt.Fprint(os.Stderr, prompt)
		text, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", err
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}
