# A DynamoDB table for counts. Its key spreads a counter over shards, because one item takes about 1,000 writes a second.

locals {
  dynamodb_statements = [
    {
      Effect = "Allow"
      Action = [
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:TransactWriteItems",
        "dynamodb:UpdateItem",
      ]
      Resource = try(aws_dynamodb_table.counts[0].arn, null)
    },
    {
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:DescribeKey"]
      Resource  = aws_kms_key.data.arn
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${var.region}.amazonaws.com" } }
    },
  ]
}

resource "aws_dynamodb_table" "counts" {
  count = var.datastore == "dynamodb" ? 1 : 0

  name                        = "${var.name}-counts"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "shard" # <namespace>/<counter>/<number>
  range_key                   = "path"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "shard"
    type = "S"
  }

  attribute {
    name = "path"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at" # of the records by which a repeated batch is recognised
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.data.arn
  }
}
