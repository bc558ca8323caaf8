package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A document is what doccheck reads in a Markdown file.
type document struct {
	programs []block // Go code that begins with a package clause
	links    []link
	anchors  map[string]bool
}

type block struct {
	line int // of its first line of code
	code string
}

type link struct {
	line   int
	target string
}

var (
	codeSpan   = regexp.MustCompile("`[^`]*`")
	inlineLink = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	namedLink  = regexp.MustCompile(`^\s*\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)`)
	heading    = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	htmlAnchor = regexp.MustCompile(`<a\s+(?:name|id)="([^"]+)"`)
	scheme     = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
)

func parseMarkdown(text string) *document {
	d := &document{anchors: map[string]bool{}}
	var fence, language string
	var code block
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case fence != "" && strings.HasPrefix(trimmed, fence) && strings.Trim(trimmed, fence[:1]) == "":
			if language == "go" && beginsWithPackage(code.code) {
				d.programs = append(d.programs, code)
			}
			fence = ""
		case fence != "":
			code.code += line + "\n"
		case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
			info := strings.TrimLeft(trimmed, trimmed[:1])
			fence = trimmed[:len(trimmed)-len(info)]
			language, _, _ = strings.Cut(strings.TrimSpace(info), " ")
			code = block{line: number + 1}
		default:
			d.readLine(number, line)
		}
	}
	return d
}

func (d *document) readLine(number int, line string) {
	if title := heading.FindStringSubmatch(line); title != nil {
		anchor := slug(title[1])
		for base, n := anchor, 1; d.anchors[anchor]; n++ {
			anchor = base + "-" + strconv.Itoa(n)
		}
		d.anchors[anchor] = true
	}
	for _, match := range htmlAnchor.FindAllStringSubmatch(line, -1) {
		d.anchors[match[1]] = true
	}
	line = codeSpan.ReplaceAllString(line, "``")
	for _, match := range slices.Concat(inlineLink.FindAllStringSubmatch(line, -1), namedLink.FindAllStringSubmatch(line, -1)) {
		d.links = append(d.links, link{line: number, target: match[1]})
	}
}

// slug is the anchor that a heading gets where Markdown is shown.
func slug(title string) string {
	title = inlineLink.ReplaceAllString(title, "]")
	var s strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r == ' ':
			s.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			s.WriteRune(r)
		}
	}
	return s.String()
}

func beginsWithPackage(code string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", code, parser.PackageClauseOnly)
	return err == nil
}

// checkLinks finds links to files and headings that do not exist.
func (t *tree) checkLinks() (findings []string) {
	for _, name := range slices.Sorted(maps.Keys(t.markdown)) {
		for _, l := range t.markdown[name].links {
			if scheme.MatchString(l.target) || strings.HasPrefix(l.target, "//") {
				continue // not ours
			}
			file, anchor, _ := strings.Cut(l.target, "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(target))); err != nil {
				findings = append(findings, fmt.Sprintf("%s:%d: link to %s: no such file", name, l.line, l.target))
			} else if d := t.markdown[target]; d != nil && anchor != "" && !d.anchors[anchor] {
				findings = append(findings, fmt.Sprintf("%s:%d: link to %s: no such heading", name, l.line, l.target))
			}
		}
	}
	return findings
}

// checkPrograms compiles the programs in the Markdown files, each as if it
// were a package of the module that it imports from.
func (t *tree) checkPrograms() (findings []string, err error) {
	paths := map[string]string{} // module path → folder
	for _, dir := range t.modules {
		modulePath, err := modulePath(filepath.Join(t.root, dir, "go.mod"))
		if err != nil {
			return nil, err
		}
		paths[modulePath] = dir
	}
	for _, name := range slices.Sorted(maps.Keys(t.markdown)) {
		for _, program := range t.markdown[name].programs {
			module := t.moduleFor(paths, path.Dir(name), program.code)
			complaints, err := t.build(module, name, program)
			if err != nil {
				return nil, err
			}
			findings = append(findings, complaints...)
		}
	}
	return findings, nil
}

// moduleFor returns the folder of the innermost module that code imports
// from, or else the one that dir is in.
func (t *tree) moduleFor(paths map[string]string, dir, code string) string {
	var owner string
	file, _ := parser.ParseFile(token.NewFileSet(), "", code, parser.ImportsOnly)
	for _, spec := range importsOf(file) {
		imported, _ := strconv.Unquote(spec.Path.Value)
		for module := range paths {
			if strings.HasPrefix(imported+"/", module+"/") && len(module) > len(owner) {
				owner = module
			}
		}
	}
	if owner == "" {
		return t.moduleOf(dir)
	}
	return paths[owner]
}

func importsOf(file *ast.File) []*ast.ImportSpec {
	if file == nil {
		return nil
	}
	return file.Imports
}

// build compiles one program without a file of it in the tree: an overlay
// shows it to the go command, and a line directive leads complaints to the text.
func (t *tree) build(module, document string, program block) (findings []string, err error) {
	scratch, err := os.MkdirTemp("", "doccheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	const pkg = "doccheck_program"
	source, overlay := filepath.Join(scratch, "program.go"), filepath.Join(scratch, "overlay.json")
	moduleDir := filepath.Join(t.root, filepath.FromSlash(module))
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(moduleDir, pkg, "program.go"): source}})
	if err != nil {
		return nil, err
	}
	code := fmt.Sprintf("//line %s:%d\n%s", document, program.line, program.code)
	if err := errors.Join(os.WriteFile(source, []byte(code), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-overlay="+overlay, "-o="+filepath.Join(scratch, "program"), "./"+pkg)
	build.Dir = moduleDir
	out, err := build.CombinedOutput()
	if err == nil {
		return nil, nil
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			findings = append(findings, fmt.Sprintf("%s:%d: program does not build: %s", document, program.line, line))
		}
	}
	if len(findings) == 0 {
		return nil, fmt.Errorf("go build of the program at %s:%d: %w", document, program.line, err)
	}
	return findings, nil
}
