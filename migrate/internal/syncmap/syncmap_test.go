package syncmap_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/shardmap-go/shardmap/migrate/internal/syncmap"
)

func TestMapsOfOneTypeAreRewritten(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), syncmap.Analyzer, "typed")
}

func TestOtherMapsAreLeftAloneAndToldWhy(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), syncmap.Analyzer, "left")
}

func TestInCommandsExportedFieldsAreLeftAlone(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), syncmap.Analyzer, "command")
}
