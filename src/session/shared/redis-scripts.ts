/**
 * What happens to one turn in Redis. Its keys, all with an end of their own:
 *
 * - `lock`: somebody has the turn now. It lapses within seconds of its holder's end.
 * - `sent`, `underway`: unrepeatable work was begun and must not be begun again; for as long as that counts, and for as
 *   long as its holder may still tell of it. They are taken away when it is told.
 * - `done`, `mark`, `past`: the result, what stands there afterwards, and what is told to whoever does it again.
 */

/**
 * KEYS lock sent underway done mark past; ARGV holder, lease, how long it must not be begun again (0: it may),
 * how long its holder may tell of it, how the names of those begin that it may go on for ('': none).
 *
 * Whoever sees `sent` without `underway` takes it for lost: so `underway` is written first and lasts less long.
 */
export const takeScript = `
local done = redis.call('get', KEYS[4]) or redis.call('get', KEYS[5])
if done then return {'done', done} end
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return {'taken'} end
if ARGV[3] ~= '0' then
  local sent = redis.call('get', KEYS[2])
  local resumes = ARGV[5] ~= '' and sent and string.sub(sent, 1, #ARGV[5]) == ARGV[5]
  if sent and sent ~= ARGV[1] and not resumes then
    if redis.call('get', KEYS[3]) then return {'untold'} end
    return {'lost'}
  end
  redis.call('set', KEYS[3], ARGV[1], 'PX', ARGV[4])
  redis.call('set', KEYS[2], ARGV[1], 'PX', ARGV[3])
end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'yours', redis.call('get', KEYS[6])}`;

/** KEYS lock; ARGV holder, lease. Makes the lock last, where it is still this holder's. */
export const renewScript = `
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 0`;

/**
 * KEYS lock sent underway done mark past; ARGV holder ('': nobody's turn ends), value and its milliseconds, mark and
 * its milliseconds, milliseconds of past, channel, name, whether it was written before ('': no). Whoever cannot publish
 * still has what was written.
 */
export const postScript = `
local function put(key, value, ms)
  if ms == '0' or (ARGV[9] ~= '' and redis.call('get', key)) then return end
  redis.call('set', key, value, 'PX', ms)
end
-- Where the mark stands alone, the result is over.
if ARGV[9] == '' or not redis.call('get', KEYS[5]) then put(KEYS[4], ARGV[2], ARGV[3]) end
put(KEYS[5], ARGV[4], ARGV[5])
put(KEYS[6], ARGV[2], ARGV[6])
if ARGV[1] == '' then return 0 end
for index = 1, 3 do
  if redis.call('get', KEYS[index]) == ARGV[1] then redis.call('del', KEYS[index]) end
end
redis.pcall('publish', ARGV[7], ARGV[8])
return 1`;

/** KEYS lock sent underway; ARGV holder, channel, name. Takes back what this holder began. */
export const releaseScript = `
for _, key in ipairs(KEYS) do
  if redis.call('get', key) == ARGV[1] then redis.call('del', key) end
end
redis.pcall('publish', ARGV[2], ARGV[3])
return 1`;

/** KEYS sent underway; ARGV holder, milliseconds of underway, of sent. Writes again that it was begun, unless it was told. */
export const markScript = `
if redis.call('get', KEYS[1]) then return 0 end
redis.call('set', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1`;
