//go:build race

package pdu_test

const slack = 20 // times slower under the race detector
