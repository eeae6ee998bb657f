package brand

// View is a brand in the API.
type View struct {
	Title   string      `json:"title" doc:"What the pages are headed with"`
	Own     bool        `json:"own" doc:"Whether it is the organisation's own, as opposed to the provider's"`
	Primary string      `json:"primary" doc:"Of buttons, as it was chosen" example:"#5151cd"`
	Accent  string      `json:"accent" doc:"Of links, as it was chosen" example:"#4543b4"`
	Light   SchemeView  `json:"light" doc:"Colours with enough contrast for light pages"`
	Dark    SchemeView  `json:"dark" doc:"Colours with enough contrast for dark pages"`
	Logo    PictureView `json:"logo"`
	Icon    string      `json:"icon,omitempty" doc:"Path of the picture for tabs of browsers, below the installation's address; absent for the product's own"`
	Support string      `json:"support,omitempty" doc:"Where people ask: a mailto: or https: address"`
	Terms   string      `json:"terms,omitempty" doc:"Address of the terms of use"`
	Privacy string      `json:"privacy,omitempty" doc:"Address of what is done with personal data"`
}

// PictureView is a logo in the API.
type PictureView struct {
	Path   string `json:"path,omitempty" doc:"Below the installation's address. Its name changes with its content. Absent for the product's own mark"`
	Width  int    `json:"width,omitempty" doc:"Of the picture in pixels; absent for a mark, which is square"`
	Height int    `json:"height,omitempty"`
	Plate  Plate  `json:"plate,omitempty" enum:"light,dark" doc:"The ground that it needs where the page is the other one"`
}

// SchemeView is a brand's colours on light or on dark pages.
type SchemeView struct {
	Fill  string `json:"fill" doc:"Of buttons"`
	Hover string `json:"hover" doc:"Of buttons under the pointer"`
	Text  string `json:"text" doc:"On buttons"`
	Link  string `json:"link" doc:"Of links"`
	Ring  string `json:"ring" doc:"Around what has the focus"`
	Tint  string `json:"tint" doc:"Behind what is chosen"`
	Scene string `json:"scene" doc:"Of large areas with white text"`
}

// View is the brand in the API.
func (b Brand) View() View {
	p := NewPalette(b.Primary, b.Accent)
	v := View{
		Title: b.Title, Own: b.Own, Primary: b.Primary.String(), Accent: b.Accent.String(), Light: p.Light.View(), Dark: p.Dark.View(),
		Logo: PictureView{b.Logo.Path(), b.Logo.Width, b.Logo.Height, b.Logo.Plate}, Icon: b.IconPath(),
		Support: b.SupportURL(), Terms: b.Terms, Privacy: b.Privacy,
	}
	if v.Logo.Path == "" {
		v.Logo = PictureView{Path: b.MarkPath()}
	}
	return v
}

// View is the scheme in the API.
func (s Scheme) View() SchemeView {
	return SchemeView{
		Fill: s.Fill.String(), Hover: s.Hover.String(), Text: s.Text.String(), Link: s.Link.String(), Ring: s.Ring.String(),
		Tint: s.Tint.String(), Scene: s.Scene.String(),
	}
}
