//go:build !race

package query_test

const slack = 1
