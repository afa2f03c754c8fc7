// A walk over the processes of containers as one writes it in Go with the standard library: for each process its cgroup,
// executable, arguments, environment, auxiliary vector and mappings, and the ELF file of the executable. It finds what
// the benchmarked scan finds: language, C library, secure execution, agents by their libraries.
package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

type facts struct {
	language, version, libc string
	secure                  bool
	env                     map[string]string
	agents                  []string
}

var (
	container = regexp.MustCompile(`pod([0-9a-f_-]{32,36}).*[/-]([0-9a-f]{64})`)
	named     = []struct {
		name     *regexp.Regexp
		language string
	}{
		{regexp.MustCompile(`^python[0-9.]*$`), "python"},
		{regexp.MustCompile(`^java$`), "java"},
		{regexp.MustCompile(`^(node|nodejs)$`), "javascript"},
		{regexp.MustCompile(`^dotnet$`), "dotnet"},
		{regexp.MustCompile(`^php(-fpm|-cgi)?[0-9.]*$`), "php"},
		{regexp.MustCompile(`^ruby[0-9.]*$`), "ruby"},
		{regexp.MustCompile(`^nginx$`), "nginx"},
		{regexp.MustCompile(`^mysqld$`), "mysql"},
		{regexp.MustCompile(`^redis-server$`), "redis"},
		{regexp.MustCompile(`^postgres$`), "postgres"},
	}
	mapped    = map[string]string{"libpython3": "python", "libjvm.so": "java", "libcoreclr.so": "dotnet", "libphp": "php", "libruby": "ruby"}
	agents    = []string{"ddtrace.so", "newrelic.so", "liboneagent"}
	variables = []string{"PYTHON_VERSION", "JAVA_VERSION", "NODE_VERSION", "PHP_VERSION", "RUBY_VERSION"}
	wanted    = []string{"PYTHONPATH", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "LD_PRELOAD", "RUBYOPT"}
)

func inspect(dir string) (f facts, ok bool) {
	exe, err := os.Readlink(dir + "/exe")
	if err != nil {
		return f, false
	}
	name := filepath.Base(exe)
	env := map[string]string{}
	environ, _ := os.ReadFile(dir + "/environ")
	for _, variable := range strings.Split(string(environ), "\x00") {
		if key, value, found := strings.Cut(variable, "="); found {
			env[key] = value
		}
	}
	cmdline, _ := os.ReadFile(dir + "/cmdline")
	arguments := strings.Split(string(cmdline), "\x00")
	maps, _ := os.ReadFile(dir + "/maps")
	libraries := map[string]bool{}
	for _, line := range strings.Split(string(maps), "\n") {
		if fields := strings.Fields(line); len(fields) > 5 {
			libraries[fields[5]] = true
		}
	}
	auxv, _ := os.ReadFile(dir + "/auxv")
	for at := 0; at+16 <= len(auxv); at += 16 {
		if binary.LittleEndian.Uint64(auxv[at:]) == 23 {
			f.secure = binary.LittleEndian.Uint64(auxv[at+8:]) != 0
		}
	}
	for _, known := range named {
		if known.name.MatchString(name) {
			f.language = known.language
		}
	}
	if file, err := elf.Open(dir + "/exe"); err == nil {
		for _, program := range file.Progs {
			if program.Type == elf.PT_INTERP {
				loader := make([]byte, program.Filesz)
				program.ReadAt(loader, 0)
				if bytes.Contains(loader, []byte("musl")) {
					f.libc = "musl"
				} else if bytes.Contains(loader, []byte("ld-linux")) {
					f.libc = "glibc"
				}
			}
		}
		file.Close()
	}
	if f.language == "" {
		if info, err := buildinfo.ReadFile(dir + "/exe"); err == nil {
			f.language, f.version = "go", info.GoVersion
		}
	}
	for path := range libraries {
		for beginning, language := range mapped {
			if f.language == "" && strings.HasPrefix(filepath.Base(path), beginning) {
				f.language = language
			}
		}
		for _, agent := range agents {
			if strings.Contains(path, agent) {
				f.agents = append(f.agents, agent)
			}
		}
	}
	for _, variable := range variables {
		if f.version == "" {
			f.version = env[variable]
		}
	}
	for _, argument := range arguments {
		if strings.Contains(argument, "opentelemetry-javaagent") {
			f.agents = append(f.agents, argument)
		}
	}
	f.env = map[string]string{}
	for _, variable := range wanted {
		if value, found := env[variable]; found {
			f.env[variable] = value
		}
	}
	return f, true
}

func scan() (count int, containers map[string]map[string]bool) {
	containers = map[string]map[string]bool{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		dir := "/proc/" + entry.Name()
		cgroups, _ := os.ReadFile(dir + "/cgroup")
		match := container.FindSubmatch(cgroups)
		if match == nil {
			continue
		}
		if f, ok := inspect(dir); ok {
			count++
			id := string(match[2])
			if containers[id] == nil {
				containers[id] = map[string]bool{}
			}
			if f.language != "" {
				containers[id][f.language] = true
			}
		}
	}
	return count, containers
}

func cpu() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano()/1000 + usage.Stime.Nano()/1000
}

func main() {
	for _, round := range []string{"cold", "warm"} {
		start := cpu()
		count, containers := scan()
		fmt.Println(round, cpu()-start, "processes", count)
		if round == "warm" {
			languages := map[string]int{}
			for _, found := range containers {
				language := "unknown"
				for one := range found {
					language = one
				}
				languages[language]++
			}
			for language, count := range languages {
				fmt.Println("language", language, count)
			}
		}
	}
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	fmt.Println("rss", usage.Maxrss)
}
