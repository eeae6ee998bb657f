/**
 * The content policy refuses style attributes, which a page could be made to carry by what it shows. A few libraries write
 * the attribute from script, such as the terminal for colours of its own; for the elements that they make, the same text is
 * set as the element's style by script, which the policy does not forbid.
 */
export function styleByScript(kind: { prototype: Element & ElementCSSInlineStyle }): void {
  kind.prototype.setAttribute = function (name: string, value: string) {
    if (name === 'style') (this as unknown as ElementCSSInlineStyle).style.cssText = value
    else Element.prototype.setAttribute.call(this, name, value)
  }
}
