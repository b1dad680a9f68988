/**
 * The parts of a schema: the schemas directly below one, and the names of the properties in the whole of it.
 */
import type * as SchemaAST from "effect/SchemaAST"

/** The schemas directly below a schema, without those of its encoding. */
export const childrenOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> => {
  switch (ast._tag) {
    case "Objects":
      return [
        ...ast.propertySignatures.map(({ type }) => type),
        ...ast.indexSignatures.flatMap(({ parameter, type }) => [parameter, type])
      ]
    case "Arrays":
      return [...ast.elements, ...ast.rest]
    case "Union":
      return ast.types
    case "Suspend":
      return [ast.thunk()]
    case "Declaration":
      return ast.typeParameters
    default:
      return []
  }
}

/** The names of all properties in a schema, on its decoded side and on its encoded side. */
export const namesIn = (root: SchemaAST.AST): ReadonlySet<PropertyKey> => {
  const names = new Set<PropertyKey>()
  const seen = new Set<SchemaAST.AST>()
  const visit = (ast: SchemaAST.AST): void => {
    if (seen.has(ast)) return
    seen.add(ast)
    if (ast._tag === "Objects") { for (const { name } of ast.propertySignatures) names.add(name) }
    for (const { to } of ast.encoding ?? []) visit(to)
    for (const child of childrenOf(ast)) visit(child)
  }
  visit(root)
  return names
}
