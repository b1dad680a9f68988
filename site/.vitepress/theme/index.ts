/** The theme of VitePress, with the project's colours. */
import DefaultTheme from "vitepress/theme"
import "./style.css"

export default DefaultTheme
