//go:build !race

package pdu_test

const slack = 1
