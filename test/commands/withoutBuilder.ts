export const withoutBuilder: Readonly<Record<string, string>> = {}
