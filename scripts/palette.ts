/** The colours that all pictures share, by the theme of the page around them. */
export const light = { border: "#d0d7de", text: "#1f2328", muted: "#59636e" }
export const dark = { border: "#3d444d", text: "#f0f6fc", muted: "#9198a1" }
