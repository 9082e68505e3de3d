curl -sS -X PATCH "https://latchkey.example.com/v1/orgs/tempo/api-keys/rotate/$KEY_ID" \
  -H "Authorization: Bearer $LATCHKEY_KEY" -H "Content-Type: application/json" -H "Idempotency-Key: $JOB_ID" \
  -d '{
    "newKeyExpiresAt": "2027-01-31T12:00:00Z",
    "oldKeyExpiresAt": "2027-01-02T12:00:00Z",
    "rotateReason": "Scheduled rotation",
    "notifyContacts": ["secops@example.com"],
    "metadata": {"rotatedBy": "secops-bot", "initiatedFrom": "ci-pipeline", "rotationPolicyId": "quarterly"}
  }'
