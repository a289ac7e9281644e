// The counter as most would write it with NestJS: ioredis, one transaction a request.
import 'reflect-metadata';
import { Controller, Get, Module, Put, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request } from 'express';
import Redis from 'ioredis';

const [port, address] = process.argv.slice(2);
const redis = new Redis(`redis://${address}`);

@Controller()
class Counters {
  @Put('*path')
  async count(@Req() request: Request) {
    const replies = await redis.multi().incr('c:' + request.path).incr('total').exec();
    return { count: replies![0][1] };
  }

  @Get('*path')
  async read(@Req() request: Request) {
    return { count: Number(await redis.get('c:' + request.path)) };
  }
}

@Module({ controllers: [Counters] })
class Main {}

NestFactory.create(Main, { logger: false }).then((app) => app.listen(Number(port), '127.0.0.1'));
