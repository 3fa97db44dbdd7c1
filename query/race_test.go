//go:build race

package query_test

const slack = 4 // times more allocated under the race detector, where a pool drops what it is given at random
