package bench

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A Machine is where a record was made. What the operating system does not tell is empty.
type Machine struct {
	CPU         string   `json:"cpu"`      // name, family and model: hypervisors hide names, and families differ twofold
	Features    []string `json:"features"` // instructions that matter to hashing
	Processors  int      `json:"processors"`
	MemoryBytes int64    `json:"memoryBytes"`
	OS          string   `json:"os"`
	Kernel      string   `json:"kernel"`
	Go          string   `json:"go"`
	LoadBefore  string   `json:"loadBefore"` // load averages over 1, 5 and 15 minutes when the run began
}

// hashing are the names of /proc/cpuinfo for instructions that hash kernels choose by.
var hashing = []string{"sha_ni", "avx2", "avx512f", "avx512_vbmi2", "sha2"}

// ThisMachine describes the machine that the program runs on.
func ThisMachine() Machine {
	m := Machine{
		Processors: runtime.NumCPU(),
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		Kernel:     firstLine("/proc/sys/kernel/osrelease"),
		Go:         runtime.Version(),
	}
	load := strings.Fields(firstLine("/proc/loadavg"))
	m.LoadBefore = strings.Join(load[:min(3, len(load))], " ")
	var family, model string
	colonFile("/proc/cpuinfo", func(key, value string) {
		switch key {
		case "model name":
			m.CPU = value
		case "cpu family":
			family = value
		case "model":
			model = value
		case "flags", "Features":
			m.Features = slices.DeleteFunc(slices.Clone(hashing), func(f string) bool {
				return !slices.Contains(strings.Fields(value), f)
			})
		}
	})
	if family != "" {
		m.CPU += ", family " + family + " model " + model
	}
	colonFile("/proc/meminfo", func(key, value string) {
		if kb, err := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64); key == "MemTotal" && err == nil {
			m.MemoryBytes = kb << 10
		}
	})
	return m
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// colonFile calls line for every "key: value" of a file; of a file that cannot be read, never.
func colonFile(path string, line func(key, value string)) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok {
			line(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
}
