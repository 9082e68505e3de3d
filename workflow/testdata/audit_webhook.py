import hashlib, hmac, os, sys, time

def genuine(secret, header, body, now):
    parts = [p.split("=", 1) for p in header.split(",")]
    stamp = dict(parts)["t"]
    want = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return abs(now - int(stamp)) < 300 and any(k == "v1" and hmac.compare_digest(v, want) for k, v in parts)

if not genuine(os.environ["LATCHKEY_SECRET"].encode(), sys.argv[1], sys.stdin.buffer.read(), time.time()):
    sys.exit("not sent by Latchkey")
