import base64, json, os, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

def unseal(key, text, id):
    raw = base64.b64decode(text)
    return AESGCM(key).decrypt(raw[:12], raw[12:], id.encode())

data = json.load(sys.stdin)["data"]
psk = base64.b64decode(os.environ["LATCHKEY_PSK"])
data_key = unseal(psk, data["encryption"]["keyWrap"], data["id"])
sys.stdout.write(unseal(data_key, data["encryptedSecret"], data["id"]).decode())
