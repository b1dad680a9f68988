/**
 * The script that writes a JSON document and the expiry of its key.
 */

/**
 * Its arguments: the document; a condition (`NX`, `XX`, or nothing); the command for the expiry, or nothing to leave it, and its time; `1` to return the
 * former document; and, where the write depends on it, the former document.
 */
export const write = `local former = false
if ARGV[5] == '1' or ARGV[6] then former = redis.call('JSON.GET', KEYS[1]) end
if ARGV[6] and former ~= ARGV[6] then return false end
local set = { 'JSON.SET', KEYS[1], '$', ARGV[1] }
if ARGV[2] ~= '' then set[5] = ARGV[2] end
local done = redis.call(unpack(set))
if done and ARGV[3] == 'PERSIST' then redis.call('PERSIST', KEYS[1])
elseif done and ARGV[3] ~= '' then redis.call(ARGV[3], KEYS[1], ARGV[4]) end
if ARGV[5] == '1' then return former end
return done`
