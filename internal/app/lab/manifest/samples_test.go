package manifest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
)

// labs is where the sample labs live.
const labs = "../../../../labs"

// TestSampleLabs holds every lab that comes with the program to the format.
func TestSampleLabs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(labs, "*", manifest.Name))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample labs below %s: %v", labs, err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			lab, problems := manifest.Load(os.DirFS(dir))
			for _, p := range problems {
				t.Error(p)
			}
			if lab.Slug != filepath.Base(dir) {
				t.Errorf("slug %q, want the directory's name", lab.Slug)
			}
		})
	}
}
