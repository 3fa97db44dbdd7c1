// Package report makes tables and pictures of what benchmarks measured, of nothing but their records.
//
// Where several records measured the same thing, the one with the most contenders counts, of equals the newest: contenders
// are only ever compared within one record, which is one run on one machine. Points are medians over the runs; where there are
// several runs, the range is in the tables.
//
// Plots are SVG without script and without anything to fetch, readable on white and on paper. An axis that spans more than a
// factor of 30 is logarithmic, and then values are points, because the length of a bar would mean nothing.
package report
