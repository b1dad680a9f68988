/** Makes elements. Texts become text, never markup. */

type Attributes = Readonly<Record<string, string | number | undefined>>
type Child = Node | string

const fill = <E extends Element>(element: E, attributes: Attributes, children: ReadonlyArray<Child>): E => {
  set(element, attributes)
  element.append(...children)
  return element
}

/** Sets attributes, and removes those that are `undefined`. An attribute that has its value already is left alone. */
export const set = (element: Element, attributes: Attributes): void => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) element.removeAttribute(name)
    else if (element.getAttribute(name) !== `${value}`) element.setAttribute(name, `${value}`)
  }
}

/** Sets the text of an element, if it has another one. */
export const say = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

export const html = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: ReadonlyArray<Child>
): HTMLElementTagNameMap[K] => fill(document.createElement(name), attributes, children)

export const svg = <K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: ReadonlyArray<Child>
): SVGElementTagNameMap[K] => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children)

/** The element of the page with an id. The page has each of them; the body stands for one that is not there. */
export const byId = (id: string): HTMLElement => document.getElementById(id) ?? document.body

/** Gives an element the hue of its shard, which the style sheet makes a colour of. */
export const tint = (element: HTMLElement | SVGElement, hue: number | undefined): void => {
  if (hue === undefined) element.style.removeProperty("--hue")
  else element.style.setProperty("--hue", `${hue}`)
}

/** Puts elements into their order, and moves only those that are elsewhere. */
export const arrange = (parent: Element, children: ReadonlyArray<Element>): void => {
  const wanted = new Set(children)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  for (const [i, child] of children.entries()) {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null)
  }
}
