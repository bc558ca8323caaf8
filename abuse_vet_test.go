//go:build !js && !wasip1

package shardmap_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVetSeesCopies(t *testing.T) {
	file := filepath.Join("testdata", "vetcopy", "vetcopy.go")
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	said, err := exec.Command("go", "vet", "-copylocks", "./"+filepath.Dir(filepath.ToSlash(file))).CombinedOutput()
	require.Error(t, err, "go vet has found nothing")

	types := make(map[string]bool)
	for i, line := range strings.Split(string(source), "\n") {
		reported := regexp.MustCompile(fmt.Sprintf(`vetcopy\.go:%d:\d+: .*(?:cop(?:y|ies)|passes) lock.*?shardmap\.(\w+)\[`, i+1)).FindSubmatch(said)
		require.Equal(t, strings.HasSuffix(line, "// copy"), reported != nil, "line %d: %s\ngo vet says:\n%s", i+1, line, said)
		if reported != nil {
			types[string(reported[1])] = true
		}
	}
	require.Equal(t, map[string]bool{"Map": true, "RWMap": true, "AtomicMap": true, "VersionedPtr": true}, types)
}
