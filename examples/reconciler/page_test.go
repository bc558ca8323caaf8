package reconciler

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goBlock is a block of Go in a Markdown file. One that begins with a package clause is a program, and compiled by doccheck.
var goBlock = regexp.MustCompile("(?s)\n```go\n(.*?)```\n")

func TestThePageShowsCodeThatIsCompiled(t *testing.T) {
	files, err := filepath.Glob("*.go")
	check(t, err)
	var code strings.Builder
	for _, file := range files {
		code.WriteString(lines(read(t, file)))
	}
	blocks := 0
	for _, block := range goBlock.FindAllStringSubmatch(read(t, "../../docs/operators.md"), -1) {
		if strings.HasPrefix(block[1], "package ") {
			continue
		}
		blocks++
		if !strings.Contains(code.String(), lines(block[1])) {
			t.Errorf("this is in no Go file of this folder:\n%s", block[1])
		}
	}
	if blocks < 5 {
		t.Errorf("only %d blocks were found: does the page have another form?", blocks)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	check(t, err)
	return string(text)
}

// lines returns text with a line break before each line, and without the white space around lines: the page may indent otherwise.
func lines(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("\n" + strings.Join(strings.Fields(line), " "))
	}
	return out.String() + "\n"
}
