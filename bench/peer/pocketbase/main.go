// Command pocketbase is a peer of the bench: PocketBase with one collection whose records a signed-in user may read by
// their organisation, and one record in it. It prints one line of JSON once it is about to serve: where to read the
// record, and the user's token.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its own tables
)

// overview is about what a lab of ours says of itself.
const overview = `{"steps":["One","Two","Three","Four"],"points":40,"durationSeconds":3600,"requires":["bash"],"ports":[],"locales":["en"]}`

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pocketbase DIRECTORY ADDRESS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, address string) error {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	record, token, err := fill(app)
	if err != nil {
		return err
	}
	line, err := json.Marshal(map[string]string{"url": "http://" + address + "/api/collections/labs/records/" + record, "token": token})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return apis.Serve(app, apis.ServeConfig{HttpAddr: address})
}

// fill makes the collection, the record and the user.
func fill(app core.App) (record, token string, err error) {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return "", "", err
	}
	users.Fields.Add(&core.TextField{Name: "tenant"})
	if err := app.Save(users); err != nil {
		return "", "", err
	}
	labs := core.NewBaseCollection("labs")
	rule := "tenant = @request.auth.tenant"
	labs.ViewRule = &rule
	labs.Fields.Add(&core.TextField{Name: "tenant"}, &core.TextField{Name: "slug"}, &core.TextField{Name: "title"},
		&core.TextField{Name: "summary"}, &core.TextField{Name: "level"}, &core.JSONField{Name: "tags"}, &core.JSONField{Name: "overview"})
	if err := app.Save(labs); err != nil {
		return "", "", err
	}
	lab := core.NewRecord(labs)
	for name, value := range map[string]any{
		"tenant": "acme", "slug": "bench-prompt", "title": "A prompt", "summary": "Measures.", "level": "beginner",
		"tags": []string{"bench"}, "overview": json.RawMessage(overview),
	} {
		lab.Set(name, value)
	}
	if err := app.Save(lab); err != nil {
		return "", "", err
	}
	ada := core.NewRecord(users)
	ada.SetEmail("ada@example.com")
	ada.SetPassword("a few unrelated words 7")
	ada.Set("tenant", "acme")
	if err := app.Save(ada); err != nil {
		return "", "", err
	}
	token, err = ada.NewAuthToken()
	return lab.Id, token, err
}
