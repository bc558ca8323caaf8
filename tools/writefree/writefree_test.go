// Package writefree checks what the compiler made of the maps' reads: that they write no memory but their own stack.
package writefree

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// program calls Load of maps with each kind of key for which Load has code of its own, and each kind of value.
const program = `package main

import "github.com/shardmap-go/shardmap"

type pair struct{ a, b string }

type loads interface{ load() bool }

type of[K comparable, V any] struct {
	m   *shardmap.Map[K, V]
	key K
}

func (l of[K, V]) load() bool { _, ok := l.m.Load(l.key); return ok }

func main() {
	for _, l := range []loads{
		of[int, *int]{new(shardmap.Map[int, *int]), 1}, of[int, int]{new(shardmap.Map[int, int]), 1}, of[int, string]{new(shardmap.Map[int, string]), 1},
		of[string, *int]{new(shardmap.Map[string, *int]), ""}, of[string, int]{new(shardmap.Map[string, int]), ""},
		of[pair, *int]{new(shardmap.Map[pair, *int]), pair{}}, of[pair, int]{new(shardmap.Map[pair, int]), pair{}},
	} {
		println(l.load())
	}
}
`

// readers are the functions that a Load of those keys consists of, once the map has a directory. What else they call – the
// runtime's comparison of strings, xxhash – gets addresses of keys alone.
var readers = regexp.MustCompile(`^TEXT github\.com/shardmap-go/shardmap\.(\(\*Map\[go\.shape\..*\]\)\.Load|hashOfString|\(\*hashing\[go\.shape\..*\]\)\.of)\(SB\)`)

// writes matches instructions that may write memory: with a destination in memory, or with a lock.
var (
	destination = regexp.MustCompile(`[ ,](?:-?0x[0-9a-f]+|0|[^,\s]*)\((\w+)\)(?:\([^)]*\))?$`)
	harmless    = regexp.MustCompile(`^(CMP|TEST|LEA|NOP|J|CALL|UCOMIS|BT|MUL|DIV|PUSH)`)
)

// written returns why the instruction may write memory that others see, or nothing.
func written(instruction string) string {
	switch mnemonic, _, _ := strings.Cut(instruction, " "); {
	case mnemonic == "LOCK", strings.HasPrefix(mnemonic, "XCHG"), strings.HasPrefix(mnemonic, "CMPXCHG"), strings.HasPrefix(mnemonic, "XADD"):
		return "an atomic write"
	case harmless.MatchString(mnemonic):
		return ""
	}
	if to := destination.FindStringSubmatch(instruction); to != nil && to[1] != "SP" && to[1] != "SB" {
		return "a write through " + to[1]
	}
	return ""
}

func TestLoadWritesNothingButItsStack(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("reads the instructions of amd64")
	}
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// The folder of the module, so that the program is compiled as its own code is; -overlay adds the file without writing it there.
	source, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "loads")
	write(t, source, program)
	write(t, overlay, `{"Replace": {"`+filepath.ToSlash(filepath.Join(root, "writefree-check", "main.go"))+`": "`+filepath.ToSlash(source)+`"}}`)
	run(t, root, "go", "build", "-overlay", overlay, "-o", binary, "./writefree-check")

	functions, instructions := 0, 0
	for _, line := range strings.Split(run(t, root, "go", "tool", "objdump", "-s", `shardmap-go/shardmap\.`, binary), "\n") {
		if strings.HasPrefix(line, "TEXT ") {
			if !readers.MatchString(line) {
				instructions = -1 << 40 // of another function: none counts
				continue
			}
			functions++
			instructions = 0
			continue
		}
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if instructions < 0 || len(columns) < 4 {
			continue
		}
		instructions++
		instruction := strings.TrimSpace(columns[len(columns)-1])
		if why := written(instruction); why != "" {
			t.Errorf("%s: %s in %s", why, instruction, columns[0])
		}
	}
	if want := 7 + 1; functions < want {
		t.Errorf("%d functions were found, want %d at least: Load for seven kinds of maps, and the hash of strings", functions, want)
	}
}

func TestWritesAreRecognised(t *testing.T) {
	for instruction, want := range map[string]bool{
		"MOVQ AX, 0x18(SP)":            false,
		"MOVQ 0x18(AX), CX":            false,
		"CMPQ 0x40(SP), R9":            false,
		"CMPB 0x50(BX), $0x1":          false,
		"TESTB AL, 0(DX)":              false,
		"LEAQ 0(R8)(DX*8), CX":         false,
		"MOVQ AX, 0x18(BX)":            true,
		"MOVQ AX, 0(BX)(DX*8)":         true,
		"INCQ 0x10(CX)":                true,
		"LOCK XADDQ AX, 0(BX)":         true,
		"XCHGQ AX, 0(BX)":              true,
		"MOVUPS X15, 0x8(AX)":          true,
		"MOVUPS X15, 0x8(SP)":          false,
		"CALL runtime.memequal(SB)":    false,
		"JMP 0x4a32b5":                 false,
		"MOVQ $0x6a09e667f3bcc909, SI": false,
	} {
		if got := written(instruction) != ""; got != want {
			t.Errorf("%s: %t, want %t", instruction, got, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}
