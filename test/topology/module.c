/* A module with two commands that no table of this library knows; it declares what it needs of the module API itself. */
#include <stddef.h>
#include <stdint.h>

typedef struct Context Context;
typedef struct String String;
typedef int (*Handler)(Context *, String **, int);

typedef struct { int version; size_t history, keySpec, argument; } InfoVersion;
typedef struct {
  const char *notes;
  uint64_t flags;
  int beginType;
  union { struct { int position; } index; struct { const char *word; int from; } keyword; } begin;
  int findType;
  union { struct { int last, step, limit; } range; struct { int count, first, step; } keynum; } find;
} KeySpec;
typedef struct {
  const InfoVersion *version;
  const char *summary, *complexity, *since;
  void *history;
  const char *tips;
  int arity;
  KeySpec *keySpecs;
  void *arguments;
} Info;

static int (*setAttributes)(Context *, const char *, int, int);
static int (*createCommand)(Context *, const char *, Handler, const char *, int, int, int);
static void *(*getCommand)(Context *, const char *);
static int (*setInfo)(void *, const Info *);
static int (*replyWithString)(Context *, String *);

/* Answers its last argument. */
static int last(Context *context, String **arguments, int count) { return replyWithString(context, arguments[count - 1]); }

int RedisModule_OnLoad(Context *context) {
  int (*get)(const char *, void *) = ((int (**)(const char *, void *))context)[0];
  get("RedisModule_SetModuleAttribs", &setAttributes);
  get("RedisModule_CreateCommand", &createCommand);
  get("RedisModule_GetCommand", &getCommand);
  get("RedisModule_SetCommandInfo", &setInfo);
  get("RedisModule_ReplyWithString", &replyWithString);
  setAttributes(context, "mod", 1, 1);
  if (createCommand(context, "mod.echo", last, "readonly", 1, 1, 1) != 0) return 1;
  if (createCommand(context, "mod.many", last, "readonly", 0, 0, 0) != 0) return 1;
  /* MOD.MANY count key ... value */
  static const InfoVersion version = {1, 24, sizeof(KeySpec), 0};
  static KeySpec keys[2] = {
    {.flags = 1, .beginType = 2, .begin.index.position = 1, .findType = 3, .find.keynum = {0, 1, 1}}, {0}};
  static const Info info = {.version = &version, .arity = -4, .keySpecs = keys};
  return setInfo(getCommand(context, "mod.many"), &info);
}
